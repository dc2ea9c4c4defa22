"""Runs an image on a device: `devices.open_device` opens one."""
