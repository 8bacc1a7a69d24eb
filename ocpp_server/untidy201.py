"""Messages of OCPP 2.0.1 about money as untidy firmware sends them: read as far as they make sense."""

import msgspec


class Loose(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Unknown fields are passed over."""


class LooseUnit(Loose, frozen=True, kw_only=True):
    """The unit of a value; the value counts times ten to the `multiplier`."""

    unit: str | None = None
    multiplier: int | None = None


class LooseSigned(Loose, frozen=True, kw_only=True):
    """A value that the meter has signed, and perhaps the key to verify it."""

    signed_meter_data: str
    public_key: str | None = None


class LooseSample(Loose, frozen=True, kw_only=True):
    """A measured value; its text is read exactly, never as a float."""

    value: msgspec.Raw
    context: str | None = None
    measurand: str | None = None
    phase: str | None = None
    unit_of_measure: LooseUnit | None = None
    signed_meter_value: LooseSigned | None = None


class LooseMoment(Loose, frozen=True, kw_only=True):
    """The values of one moment."""

    timestamp: str
    sampled_value: list[LooseSample]


class LooseToken(Loose, frozen=True, kw_only=True):
    """A tag."""

    id_token: str
    type: str | None = None


class LooseEvse(Loose, frozen=True, kw_only=True):
    """Where."""

    id: int


class LooseTransaction(Loose, frozen=True, kw_only=True):
    """Which transaction, and how it stands."""

    transaction_id: str
    charging_state: str | None = None
    stopped_reason: str | None = None


class LooseEvent(Loose, frozen=True, kw_only=True):
    """A TransactionEvent."""

    event_type: str
    timestamp: str
    seq_no: int
    transaction_info: LooseTransaction
    offline: bool | None = None
    evse: LooseEvse | None = None
    id_token: LooseToken | None = None
    meter_value: list[msgspec.Raw] | None = None


class LooseMeterValues(Loose, frozen=True, kw_only=True):
    """Values outside a transaction; EVSE 0 is the station's own meter."""

    evse_id: int
    meter_value: list[msgspec.Raw]
