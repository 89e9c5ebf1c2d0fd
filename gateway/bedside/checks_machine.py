"""Checks of the machine: settings, disk, journal, the gateway's program, the clock."""

import os
import shutil
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

from gateway.admission.admissions import broken_admissions
from gateway.admission.live import Overview
from gateway.bedside import settings_file, words
from gateway.bedside.finding import Finding, bad, good, notice
from gateway.bedside.overview import endpoint
from gateway.bedside.patient import Patient
from gateway.bedside.status import Seen, damaged, no_directory
from gateway.journal.checksums import prepare
from gateway.journal.damage import READ_ONLY_WAY_OUT, is_damage, is_no_file, refusal
from gateway.journal.file import FILE as JOURNAL
from gateway.journal.file import broken_journals
from gateway.journal.relations import WRONG
from gateway.record import Salvaged
from schemas.errors import MisconfiguredError
from schemas.servers import MQTT_VARIABLE, mqtt_server
from schemas.topics import GATEWAY_ID

FREE_NEEDED_BYTES = 64 * 1024 * 1024
FREE_WANTED_BYTES = 512 * 1024 * 1024
JOURNAL_CHECK_LONGEST_S = 30.0
_RESTART = "Run `sudo systemctl restart vitalwire-gateway`."


def settings(patient: Patient) -> Finding:
    """Read the settings file."""
    check = "Settings"
    path = patient.settings
    try:
        found = settings_file.parse(path.read_text())
        gateway_id = found.get("VITALWIRE_GATEWAY_ID", "")
        if mqtt_url := found.get(MQTT_VARIABLE):
            mqtt_server(mqtt_url)
    except FileNotFoundError:
        return notice(check, f"there is no {path}", "Fine for a trial; a home needs it.")
    except OSError as error:
        return bad(check, f"{path} cannot be read: {error.strerror}", "Run this with sudo.")
    except UnicodeDecodeError:
        return bad(check, f"{path} is no text", f"Write it anew: `sudo nano {path}`; then restart.")
    except (ValueError, MisconfiguredError) as error:
        return bad(check, f"{path}: {error}", f"Mend it with `sudo nano {path}`; then restart.")
    if not mqtt_url:
        said = f"{path} does not say {MQTT_VARIABLE}, where the clinic's broker is"
        return bad(check, said, f"Add it with `sudo nano {path}`; then restart.")
    if not GATEWAY_ID.fullmatch(gateway_id):
        said = f"{path}: VITALWIRE_GATEWAY_ID is {gateway_id!r}"
        return bad(check, said, "Use 1 to 64 of the characters a-z, 0-9 and -; then restart.")
    return good(check, f"{path} is complete; this is {gateway_id}")


def disk(patient: Patient) -> Finding:
    """Look for rights and room."""
    check = "Disk"
    if not patient.state.is_dir():
        missing = no_directory(patient.state)
        return bad(check, words.clause(missing.cause), missing.way_out)
    refused = refusal(patient.state, thoroughly=os.access(patient.state, os.R_OK))
    if refused:
        return bad(check, f"it takes nothing: {refused}, as a failing card gets", READ_ONLY_WAY_OUT)
    if not os.access(patient.state, os.R_OK | os.W_OK | os.X_OK):
        return bad(check, f"{patient.state} is not open to this user", "Run this with sudo.")
    free = shutil.disk_usage(patient.state).free
    said = f"{free / 1024**2:.0f} MiB free"
    if free < FREE_NEEDED_BYTES:
        return bad(check, said, "Delete something: no device is read while the disk is full.")
    if free < FREE_WANTED_BYTES:
        return notice(check, said, "Delete something soon.")
    return good(check, said)


def journal(patient: Patient, seen: Seen | MisconfiguredError) -> Finding:
    """Look through the journal; ``seen`` is what it says of itself, or why it says nothing."""
    check = "Journal of readings"
    if broken := [*broken_journals(patient.state), *broken_admissions(patient.state)]:
        salvages = seen.status.salvages if isinstance(seen, Seen) else {}
        salvaged = salvages.get(broken[0].name, Salvaged())
        brought = (
            f" ({salvaged.brought} of its readings were brought in)" if salvaged.brought else ""
        )
        return bad(
            check,
            f"a broken file was set aside: {broken[0].name}{brought}",
            "Tell your contact at the clinic: nothing is needed of it any more."
            if salvaged.ended and not salvaged.unreadable
            else "Keep it and tell your contact at the clinic: readings may be only there.",
        )
    path = patient.state / JOURNAL
    try:
        if not (path.exists() or is_no_file(path)):
            return notice(check, "there is none yet", "It begins when the gateway first starts.")
        if isinstance(seen, MisconfiguredError):
            raise seen
        if seen.status.damaged:
            what, _, do = words.damaged_rows(seen.status.damaged).partition("; ")
            return bad(check, what, f"{do[0].upper()}{do[1:]}.")
        return _looked_through(check, path)
    except MisconfiguredError as error:
        return bad(check, error.cause.rstrip("."), error.way_out)
    except sqlite3.Error as error:
        return bad(check, f"it cannot be read: {error}", "Run this with sudo.")


def _looked_through(check: str, path: Path) -> Finding:
    """Look at every page, but not for ever: a journal may have grown for months."""
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
        timer = threading.Timer(JOURNAL_CHECK_LONGEST_S, database.interrupt)
        timer.start()
        wrong = 0
        try:
            prepare(database)
            (said,) = database.execute("PRAGMA quick_check(1)").fetchone()
            wrong = len(database.execute(WRONG).fetchall())
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
                return notice(check, "too long to be looked through now")
            if not is_damage(error):
                raise
            said = str(error)
        finally:
            timer.cancel()
    if said != "ok":
        raise damaged(path, said)
    if wrong:
        return bad(
            check,
            f"{words.counted(wrong, 'row')} of it {'is' if wrong == 1 else 'are'} not what was"
            " written",
            "Wait an hour: the gateway sets them aside by itself. Then tell your contact at the "
            "clinic.",
        )
    return good(check, "every page and row is whole")


def program(patient: Patient, overview: Overview) -> Finding:
    """Look whether the daemon answers."""
    check = "Gateway program"
    if overview.live is not None:
        where = endpoint(patient.state)
        page = f"; its page is http://127.0.0.1:{where.port}/" if where is not None else ""
        return good(check, f"it runs ({overview.live.software}){page}")
    where = endpoint(patient.state)
    if where is not None and Path(f"/proc/{where.pid}").exists():
        return bad(check, "it runs but does not answer", _RESTART)
    if not patient.state.is_dir():
        return bad(check, "it cannot be asked without its directory", "First mend that.")
    return bad(check, "it is not running", "Run `sudo systemctl start vitalwire-gateway`.")


def clock(patient: Patient) -> Finding:
    """Ask the kernel whether something keeps its clock true."""
    check = "Clock of this machine"
    if patient.clock.synchronised():
        return good(check, "kept true by the network")
    return notice(
        check,
        "not kept true: readings are stored, their times are settled later",
        "Connect the internet; `timedatectl` tells when the clock is true.",
    )
