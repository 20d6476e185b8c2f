from model_experiment.comparator.capacity import Capacity, Pace


def test_there_is_room_for_so_many_pairs_and_no_more():
    capacity = Capacity(pairs=2, body_bytes=100)
    first, second = capacity.lease(), capacity.lease()
    assert capacity.lease() is None
    first.end()
    assert capacity.lease() is not None
    assert second is not None


def test_bytes_are_held_until_their_pair_ends_and_refused_ones_are_not_held():
    capacity = Capacity(pairs=2, body_bytes=100)
    first, second = capacity.lease(), capacity.lease()
    assert first.take(60)
    assert not second.take(41)
    assert second.take(40)
    assert (capacity.pairs, capacity.bytes) == (2, 100)
    first.end()
    first.end()
    assert (capacity.pairs, capacity.bytes) == (1, 40)


def test_a_pace_lets_through_so_many_a_second_and_saves_up_one_second_at_most():
    now = [100.0]
    pace = Pace(10, clock=lambda: now[0])
    assert [pace.allows() for _ in range(12)] == [True] * 10 + [False] * 2
    now[0] += 0.25
    assert [pace.allows() for _ in range(3)] == [True, True, False]
    now[0] += 3600
    assert sum(pace.allows() for _ in range(20)) == 10
