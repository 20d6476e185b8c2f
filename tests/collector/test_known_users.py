from model_experiment.collector.known_users import KnownUsers


def test_a_user_is_known_after_being_added():
    users = KnownUsers()
    assert "u-1" not in users
    users.add("u-1")
    assert "u-1" in users


def test_never_more_than_two_generations_are_remembered():
    users = KnownUsers(generation=10)
    for number in range(1000):
        users.add(f"u-{number}")
        assert f"u-{number}" in users
    assert 10 <= sum(f"u-{number}" in users for number in range(1000)) <= 20
