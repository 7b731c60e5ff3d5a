"""Messages out of the house: mail, chat, signed webhooks and the heartbeat. Below the settings,
which hold its tables; above `spi`, whose HTTP seam and secrets it uses. It knows no store.
"""
