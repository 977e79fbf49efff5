"""The outbox folder: what people find in it, and what is true when the disk says no."""

import asyncio
import errno
import hashlib
import os
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from backend.errors import MailPostponed, MailRefused
from backend.mail import OutboxMailer
from backend.mail.message import render
from tests.mail.emails import an_email

_refused_endings: list[str] = []


def _refuse_links(event: str, args: tuple[object, ...]) -> None:
    if event == "os.link" and str(args[1]).endswith(tuple(_refused_endings)):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


sys.addaudithook(_refuse_links)


@pytest.fixture
def full_disk() -> Iterator[list[str]]:
    """A disk that has no room for files whose paths end in one of these."""
    _refused_endings.clear()
    yield _refused_endings
    _refused_endings.clear()


def files_in(folder: Path) -> list[str]:
    """The names of the files a listing of `folder` shows, in its order."""
    return sorted(path.name for path in folder.iterdir() if path.is_file())


def key_hash(key: str) -> str:
    """The name of a key's claim."""
    return hashlib.sha256(key.encode()).hexdigest()


async def test_a_file_is_the_email_and_its_name_says_when(tmp_path: Path) -> None:
    """The name is the instant and the beginning of the key's hash; the id is that name; the folder is made when needed."""
    outbox = tmp_path / "a" / "b"
    name = await OutboxMailer(outbox).send(an_email())
    assert name == f"2026-11-23T09-00-00Z-{key_hash('touch-1')[:12]}.eml"
    assert (outbox / name).read_bytes() == render(an_email())


async def test_files_sort_by_time(tmp_path: Path) -> None:
    """A listing is the order in which the emails were sent."""
    mailer = OutboxMailer(tmp_path)
    instants = ["2026-12-01T08:00:00.000Z", "2026-11-23T09:00:00.000Z", "2026-11-30T23:59:59.000Z"]
    names = {at: await mailer.send(an_email(idempotency_key=at, sent_at=at)) for at in instants}
    assert sorted(names.values()) == [names[at] for at in sorted(instants)]


async def test_a_new_process_knows_the_keys_of_the_old(tmp_path: Path) -> None:
    """The claims are files, so a key is good for as long as the folder is there."""
    assert OutboxMailer(tmp_path).replay_window > timedelta(days=36_000)
    first = await OutboxMailer(tmp_path).send(an_email())
    assert await OutboxMailer(tmp_path).send(an_email()) == first
    assert len(files_in(tmp_path)) == 1


async def test_two_processes_with_one_key_deliver_one_email(tmp_path: Path) -> None:
    """With the same bytes both succeed; with other bytes one is refused, whichever it is."""
    mailers = [OutboxMailer(tmp_path) for _ in range(8)]
    outcomes = await asyncio.gather(
        *(mailer.send(an_email(body=f"Version {n % 2}")) for n, mailer in enumerate(mailers)), return_exceptions=True
    )
    refused = [outcome for outcome in outcomes if isinstance(outcome, MailRefused)]
    assert len(refused) == 4
    assert len({outcome for outcome in outcomes if isinstance(outcome, str)}) == 1
    assert len(files_in(tmp_path)) == 1


async def test_a_send_cut_off_after_its_claim_is_completed_by_the_next(tmp_path: Path) -> None:
    """A process killed between claim and file leaves a claim; a repeat makes the file, once."""
    mailer = OutboxMailer(tmp_path)
    name = await mailer.send(an_email())
    (tmp_path / name).unlink()
    assert await mailer.send(an_email()) == name
    assert (tmp_path / name).read_bytes() == render(an_email())


async def test_nothing_is_left_lying_about(tmp_path: Path) -> None:
    """One file to read and one claim an email, and no temporary file, after refusals as well."""
    mailer = OutboxMailer(tmp_path)
    await mailer.send(an_email())
    await mailer.send(an_email())
    with pytest.raises(MailRefused):
        await mailer.send(an_email(body="Another text."))
    assert len(files_in(tmp_path)) == 1
    assert files_in(tmp_path / ".keys") == [key_hash("touch-1")]


async def test_a_folder_that_cannot_be_written_to_may_be_tried_again(tmp_path: Path) -> None:
    """Whatever stands in the way may be gone tomorrow, so it is not refused for good; then the same email leaves, once."""
    obstacle = tmp_path / "outbox"
    obstacle.write_text("a file stands where the folder should be")
    mailer = OutboxMailer(obstacle)
    with pytest.raises(MailPostponed, match="cannot be written to"):
        await mailer.send(an_email())
    obstacle.unlink()
    assert files_in(obstacle.parent) == []
    assert await mailer.send(an_email()) == await mailer.send(an_email())
    assert len(files_in(obstacle)) == 1


async def test_a_claim_that_cannot_be_made_may_be_tried_again(tmp_path: Path, full_disk: list[str]) -> None:
    """A disk without room for the claim delivers nothing; with room again, the same email leaves."""
    mailer = OutboxMailer(tmp_path)
    full_disk.append(key_hash("touch-1"))
    with pytest.raises(MailPostponed, match="No space left"):
        await mailer.send(an_email())
    full_disk.clear()
    assert files_in(tmp_path) == files_in(tmp_path / ".keys") == []
    await mailer.send(an_email())


async def test_a_claim_without_its_file_is_not_delivered(tmp_path: Path, full_disk: list[str]) -> None:
    """When the claim is made and the file cannot be, nobody can read the email; a repeat makes the file."""
    mailer = OutboxMailer(tmp_path)
    full_disk.append(".eml")
    with pytest.raises(MailPostponed, match="No space left"):
        await mailer.send(an_email())
    full_disk.clear()
    name = await mailer.send(an_email())
    assert files_in(tmp_path) == [name]
