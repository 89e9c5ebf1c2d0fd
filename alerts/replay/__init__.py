"""An alert judged once more from the log: does it say the same?"""
