"""Is the challenger doing harm now?"""
