"""The JSON of the accounts that transfers go to."""

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

from app.web.json import Body


class TransferMethodFields(Body):
    """A new account; without a currency it takes any. It stands behind the others."""

    name: str
    account_name: str
    account_number: str
    instructions: str = ""
    currency: str | None = None
    is_active: bool = True


class TransferMethodChange(Body):
    """What to change of an account; `position` counts from 0 and moves the others.

    `version` is the one that was seen; without it the last change wins.
    """

    name: str | None = None
    account_name: str | None = None
    account_number: str | None = None
    instructions: str | None = None
    currency: str | None = None
    is_active: bool | None = None
    position: Annotated[int, Field(ge=0)] | None = None
    version: Annotated[int, Field(ge=0)] | None = None


class StaffTransferMethod(BaseModel):
    """An account; `live_order_count` orders wait for money on it."""

    id: UUID
    name: str
    account_name: str
    account_number: str
    instructions: str
    currency: str | None
    is_active: bool
    position: int
    version: int
    live_order_count: int


class TransferMethodDocument(BaseModel):
    """An account."""

    transfer_method: StaffTransferMethod


class TransferMethodsDocument(BaseModel):
    """The accounts in their order."""

    items: list[StaffTransferMethod]
