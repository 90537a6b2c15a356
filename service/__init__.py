"""The REST service: observe and forecast, with the state of every series kept."""
