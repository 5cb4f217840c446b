"""The JSON of proofs of transfers as staff sees them."""

from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, StringConstraints

from app.domain.checkout.models import OrderStatus
from app.domain.checkout.proof_duplicates import Likeness
from app.domain.checkout.proofs import MAX_REASON_LENGTH
from app.domain.checkout.transfer_models import ProofStatus
from app.web.admin.admission_schemas import StaffPerson
from app.web.admin.schemas import PageQuery
from app.web.json import Body
from app.web.order_json import AmountDocument, OrderedCourseDocument


class ProofsQuery(PageQuery):
    """Which proofs a list shows: those that wait, the longest first, unless another is named."""

    model_config = ConfigDict(frozen=True)

    status: ProofStatus = ProofStatus.PENDING


class Rejection(Body):
    """Why a proof is not accepted; the buyer reads it."""

    reason: Annotated[str, StringConstraints(max_length=MAX_REASON_LENGTH)]


class ProvenOrder(BaseModel):
    """The order that a proof is for."""

    id: UUID
    number: str
    status: OrderStatus
    total: AmountDocument
    course: OrderedCourseDocument
    provisional_ends_at: AwareDatetime | None


class StaffProof(BaseModel):
    """A proof; `is_known` says that its file or its reference came with another one before.

    `file_url` is the picture, drawn anew, or the PDF.
    """

    id: UUID
    status: ProofStatus
    reference: str
    content_type: str
    size_bytes: int
    file_url: str
    is_known: bool
    created_at: AwareDatetime
    reviewed_at: AwareDatetime | None
    reviewed_by: str | None
    reject_reason: str | None
    order: ProvenOrder
    customer: StaffPerson


class StaffDuplicate(BaseModel):
    """Another proof that this one resembles, and by what."""

    proof_id: UUID
    order_id: UUID
    order_number: str
    status: ProofStatus
    created_at: AwareDatetime
    is_own_order: bool
    why: list[Likeness]


class StaffProofsDocument(BaseModel):
    """Proofs in the order in which staff goes through them."""

    items: list[StaffProof]
    next_cursor: str | None


class StaffProofDocument(BaseModel):
    """A proof and the others that it resembles."""

    proof: StaffProof
    duplicates: list[StaffDuplicate]
