"""When and where a call is sent again: pure state, time and chance handed in."""
