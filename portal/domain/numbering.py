"""Gap-free numbers for money documents: one locked counter per series, taken last in its transaction."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from portal.db import Base


class NumberSeries(Base):
    __tablename__ = "number_series"

    series: Mapped[str] = mapped_column(primary_key=True)
    last: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (CheckConstraint("last > 0", name="last"),)


def take(session: Session, series: str) -> int:
    """Return the next number of a series; it is given back if the transaction is undone, so none is ever missing.

    The counter stays locked to the end of the transaction: take it last.
    """
    statement = (
        insert(NumberSeries)
        .values(series=series, last=1)
        .on_conflict_do_update(index_elements=["series"], set_={"last": NumberSeries.last + 1})
        .returning(NumberSeries.last)
    )
    return session.execute(statement).scalar_one()
