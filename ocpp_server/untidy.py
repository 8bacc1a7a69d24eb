"""Messages of OCPP 1.6 as untidy firmware sends them: what moves money is read as far as it makes sense."""

import msgspec


class LooseStart(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A start whose form is wrong but whose meaning is clear."""

    connector_id: int
    id_tag: str
    meter_start: int | float | str
    timestamp: str


class LooseStop(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A stop whose form is wrong but whose meaning is clear."""

    transaction_id: int
    meter_stop: int | float | str
    timestamp: str
    id_tag: str | None = None
    reason: str | None = None


class LooseSample(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A measured value of any kind and spelling."""

    value: str | int | float
    context: str | None = None
    format: str | None = None
    measurand: str | None = None
    phase: str | None = None
    unit: str | None = None


class LooseMeterValue(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The values of one moment, of any kind and spelling."""

    timestamp: str
    sampled_value: list[LooseSample]


class LooseMeterValues(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Meter values whose form is wrong but whose meaning is clear."""

    connector_id: int
    meter_value: list[LooseMeterValue]
    transaction_id: int | None = None
