"""The vendors of an installation, built once from its settings."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from app.config import MailKind, Settings, StorageKind
from app.integrations.cdn import Cdn
from app.integrations.cloudfront_cdn import CloudFrontCdn, shared_domain
from app.integrations.ffmpeg_transcoder import FfmpegTranscoder
from app.integrations.images import Images
from app.integrations.local_cdn import LocalCdn
from app.integrations.local_storage import LocalStorage
from app.integrations.mailer import Mailer
from app.integrations.manual_transfer import ManualTransfer
from app.integrations.outbox_mailer import OutboxMailer
from app.integrations.page_cache import NginxPageCache, NoPageCache, PageCache
from app.integrations.payments import Gateway, GatewayKind
from app.integrations.pillow_images import PillowImages
from app.integrations.s3_storage import S3Storage
from app.integrations.sendgrid_mailer import SendGridMailer
from app.integrations.ses_mailer import SesMailer
from app.integrations.smtp_mailer import SmtpMailer
from app.integrations.storage import Storage
from app.integrations.stripe_gateway import StripeGateway
from app.integrations.transcoder import Transcoder

MAILERS: dict[MailKind, Callable[[Settings], Mailer]] = {
    MailKind.OUTBOX: OutboxMailer,
    MailKind.SMTP: SmtpMailer,
    MailKind.SES: SesMailer,
    MailKind.SENDGRID: SendGridMailer,
}


# A further way to take money is a module with a class, and that class here.
GATEWAYS: tuple[GatewayKind, ...] = (StripeGateway, ManualTransfer)


@dataclass(frozen=True)
class Integrations:
    """One client per vendor role; of gateways one for each method of paying."""

    storage: Storage
    cdn: Cdn
    transcoder: Transcoder
    images: Images
    mailer: Mailer
    gateways: Mapping[str, Gateway]
    page_cache: PageCache


def build(settings: Settings) -> Integrations:
    """Choose and build the clients. Raises ConfigurationError when a setting does not fit."""
    return Integrations(
        storage=_storage(settings),
        cdn=_cdn(settings),
        transcoder=FfmpegTranscoder(settings),
        images=PillowImages(),
        mailer=MAILERS[settings.mail_kind](settings),
        gateways=_gateways(settings),
        page_cache=NginxPageCache(settings) if settings.page_cache_url else NoPageCache(),
    )


def _gateways(settings: Settings) -> dict[str, Gateway]:
    built = [kind(settings) for kind in GATEWAYS if kind.is_set_up(settings)]
    return {gateway.method: gateway for gateway in built}


def _storage(settings: Settings) -> Storage:
    if settings.storage is StorageKind.S3:
        return S3Storage(settings)
    return LocalStorage(settings.media_directory)


def _cdn(settings: Settings) -> Cdn:
    if not settings.cdn_base_url:
        return LocalCdn(settings.playback_jwt_secret)
    return CloudFrontCdn(
        settings.cdn_base_url,
        settings.cloudfront_keypair_id,
        settings.cloudfront_private_key,
        shared_domain(settings.public_base_url, settings.cdn_base_url),
    )
