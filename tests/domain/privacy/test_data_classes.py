"""Nothing about people is kept unnoticed."""

from portal import models
from portal.domain.privacy.data_classes import DATA_CLASSES, RETENTION, DataClass, unmapped


def tables_as_they_are() -> dict[str, set[str]]:
    return {table.name: {column.name for column in table.columns} for table in models.metadata.sorted_tables}


def test_every_column_is_mapped_to_a_class():
    assert unmapped(tables_as_they_are()) == []


def test_a_new_column_is_noticed():
    tables = tables_as_they_are()
    tables["users"] = tables["users"] | {"shoe_size"}
    assert unmapped(tables) == ["users.shoe_size"]


def test_every_class_says_how_long_it_is_kept():
    assert set(RETENTION) == set(DataClass)


def test_every_column_that_refers_to_a_person_is_known_to_do_so():
    for table in models.metadata.sorted_tables:
        for column in table.columns:
            if any(key.column.table.name == "users" for key in column.foreign_keys):
                assert DATA_CLASSES[table.name][column.name] is DataClass.IDENTITY, f"{table.name}.{column.name}"
