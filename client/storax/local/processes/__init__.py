"""The processes of a stack: started as an ordinary user, identified, watched, stopped."""
