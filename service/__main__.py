"""``python -m service``: the ordering service."""

from service.app import create_app
from service.server import log_from, options, run, settings_or_exit
from service.settings import ServiceSettings

if __name__ == "__main__":
    chosen = options("python -m service", port=8000)
    settings = settings_or_exit(ServiceSettings)
    log_from(settings.log_level)
    app = create_app(settings)
    run(
        app,
        chosen,
        loop=settings.event_loop,
        heartbeat_s=settings.room_heartbeat_s,
        stopping=app.state.stopping,
    )
