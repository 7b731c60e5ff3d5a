"""The running product: observe, decide, commit, deliver, verify. `app` is the composition root."""
