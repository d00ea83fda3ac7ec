"""stub"""
def chromium(): return "/usr/bin/chromium"
