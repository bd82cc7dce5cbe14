"""Settings of every server process, from ``STORAX_*`` variables."""

from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """One typed object per process; each field says what it is."""

    model_config = SettingsConfigDict(env_prefix="STORAX_", extra="ignore")

    database_url: str = Field(
        default="postgresql://127.0.0.1:5432/storax",
        description="Postgres >= 15, as postgresql://user:password@host/db.",
    )
    redis_url: str = Field(default="redis://127.0.0.1:6379/0", description="Redis >= 7 or Valkey, as redis://host/0.")
    host: str = Field(default="127.0.0.1", description="Address the API listens on.")
    port: int = Field(default=8360, ge=1, le=65535, description="Port the API listens on.")
    log_level: str = Field(default="info", description="debug, info, warning or error.")
    log_format: Literal["text", "json"] = Field(
        default="text", description="Lines of the log: text, or one JSON object a line."
    )
    pool_size: int = Field(default=12, ge=2, le=200, description="Postgres connections of one API process.")
    max_body_mb: int = Field(default=64, ge=1, description="Largest request body, in MiB.")
    memory_mb: int = Field(
        default=512, ge=64, description="Memory of one API process for bodies and answers under way, in MiB."
    )
    allow_registration: bool = Field(default=False, description="Whether anyone may create a user with the API.")
    admins: str = Field(
        default="",
        description="Names of the users, separated by commas, who see all users, the health and the storage of the"
        " server; empty: nobody.",
    )
    token_days: int = Field(default=365, ge=1, le=3650, description="Default number of days until a token expires.")
    metrics_token: str = Field(default="", description="Bearer token for /metrics; empty: nobody gets them.")
    metrics_labels: int = Field(
        default=50,
        ge=0,
        le=1000,
        description="Sites, and Apps, that /metrics has by id, those with the most jobs; 0: none.",
    )
    sweep_sec: int = Field(default=10, ge=1, description="Seconds between sweeps of expired sessions.")
    seal_sec: int = Field(default=60, ge=1, description="Seconds between seals of the log.")
    seal_export: str = Field(
        default="",
        description="Where seals are kept outside the database: a file, or s3://bucket/prefix; empty: nowhere.",
    )
    seal_key_file: str = Field(
        default="", description="File with the key that signs seals; empty: they are not signed."
    )

    webhook_private_addresses: bool = Field(
        default=False,
        description="Whether webhooks may post to addresses that are not public: loopback, private networks.",
    )
    webhook_attempts: int = Field(
        default=15, ge=1, le=100, description="Failed attempts in a row after which a webhook is paused."
    )
    webhook_retry_sec: float = Field(
        default=5.0,
        gt=0,
        le=3600,
        description="Seconds before a delivery that failed is tried again; doubles with each failure, up to 6 hours.",
    )
    webhook_timeout_sec: float = Field(
        default=10.0, gt=0, le=15, description="Seconds in which a receiver must answer a delivery."
    )
    smtp_host: str = Field(
        default="", description="Mail server for webhooks whose URL is mailto:; empty: no mail is sent."
    )
    smtp_port: int = Field(default=587, ge=1, le=65535, description="Port of the mail server.")
    smtp_security: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="How the connection to the mail server is encrypted."
    )
    smtp_user: str = Field(default="", description="User name at the mail server; empty: no login.")
    smtp_password: str = Field(default="", description="Password at the mail server.", repr=False)
    smtp_from: str = Field(default="", description="Address from which mail is sent.")
    mail_domains: str = Field(
        default="", description="Domains to which mail may go, separated by commas; empty: to all."
    )
    mail_every_sec: float = Field(
        default=300.0, ge=0, le=86400, description="Seconds between two messages of one webhook, at least."
    )

    @property
    def admin_names(self) -> frozenset[str]:
        """Return the names in ``admins``."""
        return frozenset(name.strip() for name in self.admins.split(",") if name.strip())
