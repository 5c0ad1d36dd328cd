"""What ties clients to other libraries; each part needs the library that it is named after."""
