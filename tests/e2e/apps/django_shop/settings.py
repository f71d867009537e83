"""Settings, without a database."""

DEBUG = False
SECRET_KEY = "of a test"
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "django_shop.urls"
MIDDLEWARE = ["django_shop.middleware.synchronous", "django_shop.middleware.Counting"]
LOGGING_CONFIG = None
USE_TZ = True
