"""Alarms that the gateway raises itself, of what a meter cannot know or would not tell."""
