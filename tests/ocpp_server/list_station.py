"""A station with settings and a local list of its own, in either version's words; it obeys the standard or refuses by it."""

from typing import Any

from tests.ocpp_server.raw_station import RawStation

SETTINGS = {
    "ocpp1.6": {
        "LocalAuthListEnabled": "true", "LocalAuthListMaxLength": "100", "SendLocalListMaxLength": "2",
        "AllowOfflineTxForUnknownId": "true", "LocalAuthorizeOffline": "true",
        "ChargingScheduleAllowedChargingRateUnit": "Power",
    },
    "ocpp2.0.1": {
        "LocalAuthListCtrlr.Enabled": "true", "LocalAuthListCtrlr.ItemsPerMessage": "2", "LocalAuthListCtrlr.BytesPerMessage": "9000",
        "AuthCtrlr.OfflineTxForUnknownIdEnabled": "true", "AuthCtrlr.LocalAuthorizeOffline": "true", "SmartChargingCtrlr.RateUnit": "W",
    },
}  # fmt: skip


class ListStation:
    """What the station remembers, and how it answers."""

    def __init__(self, version: str) -> None:
        self.version = version
        self.settings = dict(SETTINGS[version])
        self.entries: dict[str, str] = {}
        self.number = 0
        self.sent: list[tuple[str, int]] = []
        self.refuse: list[str] = []
        self.actions: list[str] = []

    def answer(self, action: str, payload: dict[str, Any]) -> Any:
        self.actions.append(action)
        known = {"GetConfiguration": self._told, "GetVariables": self._variables, "ChangeConfiguration": self._change,
                 "SetVariables": self._set, "GetLocalListVersion": self._version, "SendLocalList": self._list}  # fmt: skip
        return known[action](payload) if action in known else {"status": "Accepted"}

    def _told(self, payload: dict[str, Any]) -> Any:
        names = payload.get("key") or list(self.settings)
        found = [{"key": one, "readonly": False, "value": self.settings[one]} for one in names if one in self.settings]
        return {"configurationKey": found, "unknownKey": [one for one in names if one not in self.settings]}

    def _variables(self, payload: dict[str, Any]) -> Any:
        results = []
        for one in payload["getVariableData"]:
            value = self.settings.get(f"{one['component']['name']}.{one['variable']['name']}")
            told = {"attributeStatus": "UnknownVariable"} if value is None else {"attributeStatus": "Accepted", "attributeValue": value}
            results.append({**one, **told})
        return {"getVariableResult": results}

    def _change(self, payload: dict[str, Any]) -> Any:
        self.settings[payload["key"]] = payload["value"]
        return {"status": "Accepted"}

    def _set(self, payload: dict[str, Any]) -> Any:
        for one in payload["setVariableData"]:
            self.settings[f"{one['component']['name']}.{one['variable']['name']}"] = one["attributeValue"]
        kept = [{name: one[name] for name in ("component", "variable")} for one in payload["setVariableData"]]
        return {"setVariableResult": [{**one, "attributeStatus": "Accepted"} for one in kept]}

    def _version(self, _: dict[str, Any]) -> Any:
        return {"listVersion" if self.version == "ocpp1.6" else "versionNumber": self.number}

    def _list(self, payload: dict[str, Any]) -> Any:
        number = payload.get("listVersion", payload.get("versionNumber"))
        listed = payload.get("localAuthorizationList", [])
        assert len(listed) <= 2, "more than SendLocalListMaxLength"
        if self.refuse:
            return {"status": self.refuse.pop(0)}
        full = payload["updateType"] == "Full"
        if not full and number <= self.number:
            return {"status": "VersionMismatch"}
        self.entries = {} if full else self.entries
        for one in listed:
            tag = one.get("idTag") or one["idToken"]["idToken"]
            info = one.get("idTagInfo") or one.get("idTokenInfo")
            if info is None:
                self.entries.pop(tag, None)
            else:
                self.entries[tag] = info["status"]
        self.number = number
        self.sent.append((payload["updateType"], len(listed)))
        return {"status": "Accepted"}


BOOT = {
    "ocpp1.6": {"chargePointVendor": "Raw", "chargePointModel": "R1"},
    "ocpp2.0.1": {"reason": "PowerUp", "chargingStation": {"vendorName": "Raw", "model": "R2"}},
}


def obeying(raw: RawStation, memory: ListStation) -> RawStation:
    """Let a connection answer from a memory."""

    class Answers(dict[str, Any]):
        def get(self, action: str, default: Any = None) -> Any:
            return self[action] if action in self else (lambda payload: memory.answer(action, payload))

    raw.answers = Answers()
    return raw
