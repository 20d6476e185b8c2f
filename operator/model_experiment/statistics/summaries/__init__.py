"""What was counted, in a form that adds: the summary of two parts is the sum of their summaries."""
