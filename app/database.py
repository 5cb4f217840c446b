"""The database handle and the declarative base: naming convention, type map, nothing else."""

import enum
import uuid
from datetime import datetime
from typing import Any

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import DateTime, Enum, MetaData, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, registry

NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


def _values(kind: type[enum.Enum]) -> list[str]:
    return [member.value for member in kind]


class Base(DeclarativeBase):
    """Declarative base; enums are stored by value in text columns with a check constraint."""

    registry = registry(
        metadata=MetaData(naming_convention=NAMING_CONVENTION),
        type_annotation_map={
            str: Text(),
            datetime: DateTime(timezone=True),
            uuid.UUID: Uuid(),
            dict[str, Any]: JSONB(),
            list[dict[str, Any]]: JSONB(),
            enum.StrEnum: Enum(
                enum.StrEnum,
                native_enum=False,
                create_constraint=True,
                length=32,
                values_callable=_values,
            ),
        },
    )


db = SQLAlchemy(model_class=Base)
