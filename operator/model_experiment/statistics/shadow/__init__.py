"""Do two models answer alike?"""
