"""The rows on secure sums: every way to lose parties is tried, and little is sent beside the update."""

from benchmarks.secure_sums import _losses, _traffic


def test_every_way_to_lose_parties_is_tried_and_none_is_wrong() -> None:
    rows = list(_losses())
    # 3 parties: none may be lost; 4: one of 4 at 4 steps, or none; 5: one of 5 at 4 steps, or none
    assert {row.unit for row in rows} == {f"of {1 + 1 + 4 * 4 + 1 + 5 * 4}"}
    assert [row.value for row in rows] == [0, 0]
    assert all(row.holds for row in rows)


def test_what_is_sent_beside_the_update_is_small_and_grows_with_the_parties() -> None:
    share, few, many = _traffic()
    assert share.holds
    assert 0 < few.value < many.value < 4 * 100_000
