"""What Piccolo looks for (PICCOLO_CONF): the engine and the one app that holds the migrations."""

from piccolo.conf.apps import AppRegistry

from app.database.engine import DB

APP_REGISTRY = AppRegistry(apps=["app.database.piccolo_app"])

__all__ = ["APP_REGISTRY", "DB"]
