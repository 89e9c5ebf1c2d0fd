"""The simulated homes, and beside each the shipped gateway daemon as a process of its own."""

import time
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from random import Random
from typing import Self

import msgspec

from schemas.errors import MisconfiguredError
from schemas.servers import MQTT_VARIABLE
from simulators.demo.clinic import VITALWIRE
from simulators.demo.supervisor import Report, Supervisor
from simulators.home_control import HomeControl
from simulators.homes import home_paths
from simulators.scenario import HomePlan
from simulators.stack.process import Child, Program

_GATEWAY_AFTER_GATEWAY_S = 0.35  # a gateway takes about half a second of CPU to start
_REST_S = 1.0  # between two visits to a device; patients measure every few seconds
_BUS_PATH_BYTES_MAX = 107


class Neighbourhood(AbstractContextManager["Neighbourhood"]):
    """Homes and gateways under one directory; ``step`` starts and keeps them.

    Homes appear at once, gateways one after the other, so that the first is live at once.
    """

    def __init__(self, plans: list[HomePlan], directory: Path, rng: Random, report: Report) -> None:
        """``directory`` must be short: each home has a socket below it."""
        self.plans = plans
        self._directory = directory
        self._homes_directory = directory / "homes"
        longest = str(home_paths(self._homes_directory, len(plans)).directory / "control")
        if len(longest.encode()) > _BUS_PATH_BYTES_MAX:
            raise MisconfiguredError(
                f"The directory {directory} has too long a path for sockets.",
                "Choose a shorter one with --data.",
            )
        self._homes_group = Supervisor(rng, report)
        self._gateway_group = Supervisor(rng, report)
        self._waiting = list(enumerate(plans))
        self._next_gateway_s = 0.0
        self._gateways: list[Child] = []
        self._mqtt_url = ""
        self._exit = ExitStack()

    @property
    def controls(self) -> list[HomeControl]:
        """How to ask each home, in the order of the plans."""
        return [
            HomeControl(home_paths(self._homes_directory, number).control)
            for number in range(len(self.plans))
        ]

    @property
    def gateways_started(self) -> int:
        """How many gateway daemons were started so far."""
        return len(self.plans) - len(self._waiting)

    @property
    def crashes(self) -> list[str]:
        """What ended by itself so far, in words."""
        return self._homes_group.crashes + self._gateway_group.crashes

    def start(self, mqtt_url: str) -> None:
        """Start the homes; their gateways follow in ``step``."""
        self._mqtt_url = mqtt_url
        plans_file = self._directory / "plans.json"
        plans_file.write_bytes(msgspec.json.encode(self.plans))
        command = (*VITALWIRE[:3], "simulators.homes", "--plans", str(plans_file))
        program = Program(
            name="homes",
            # A gateway's start takes all processors; a reading taken before it would wait for it.
            command=(*command, "--directory", str(self._homes_directory), "--when-heard"),
            log=self._directory / "logs" / "homes.log",
        )
        self._homes_group.start(Child(program))

    def gateway(self, number: int) -> Child:
        """Give the gateway daemon of the home with this place in the plans."""
        return self._gateways[number]

    def step(self) -> None:
        """Start the next gateway if its home lives; start again what ended by itself."""
        self._homes_group.step()
        self._gateway_group.step()
        now_s = time.monotonic()
        if not self._waiting or now_s < self._next_gateway_s:
            return
        number, plan = self._waiting[0]
        paths = home_paths(self._homes_directory, number)
        if paths.control.exists():
            gateway = self._gateway_for(plan, paths.bus_address)
            self._gateways.append(self._gateway_group.start(gateway))
            self._waiting.pop(0)
            self._next_gateway_s = now_s + _GATEWAY_AFTER_GATEWAY_S

    def _gateway_for(self, plan: HomePlan, bus_address: str) -> Child:
        state = self._directory / "gateways" / plan.gateway_id
        words = ("gateway", "run", "--gateway-id", plan.gateway_id, "--state", str(state))
        quick = ("--rest", str(_REST_S))
        return Child(
            Program(
                name=f"gateway-{plan.gateway_id}",
                command=(*VITALWIRE, *words, *quick),
                log=self._directory / "logs" / f"gateway-{plan.gateway_id}.log",
                environment={
                    "DBUS_SYSTEM_BUS_ADDRESS": bus_address,
                    MQTT_VARIABLE: self._mqtt_url,
                },
            )
        )

    def __enter__(self) -> Self:
        """Start nothing yet, but stop whatever will have started."""
        self._exit.enter_context(self._homes_group)
        self._exit.enter_context(self._gateway_group)
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the gateways, then the homes."""
        self._exit.close()
