"""The catalog's query parameters: strict for programs, forgiving for people."""

from typing import Annotated

from flask import request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from app.domain.courses.filters import MAX_PAGES, MAX_QUERY_LENGTH, CatalogFilters, Price, Sort
from app.domain.courses.models import Level
from app.errors import InvalidInput, NotFound

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=100)]
LanguageTag = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*$", max_length=35)
]
PageNumber = Annotated[int, Field(ge=1, le=MAX_PAGES)]


UNFILTERED = CatalogFilters()


class PageQuery(BaseModel):
    """Which page of a list, from 1."""

    model_config = ConfigDict(frozen=True)

    page: PageNumber = 1


class CatalogQuery(PageQuery):
    """What the catalog may be narrowed and sorted by."""

    q: Annotated[str, Field(max_length=MAX_QUERY_LENGTH)] = ""
    category: Slug | None = None
    level: Level | None = None
    language: LanguageTag | None = None
    price: Price | None = None
    sort: Sort = Sort.POPULAR


def _given(model: type[PageQuery]) -> dict[str, str]:
    """Return the model's parameters that have a value; one without is as good as absent."""
    names = ((name, request.args.get(name)) for name in model.model_fields)
    return {name: value for name, value in names if value}


def read_page_number() -> int:
    """Return `?page=`. Raises InvalidInput."""
    try:
        return PageQuery.model_validate(_given(PageQuery)).page
    except ValidationError as error:
        raise _refusal(error) from None


def read_filters() -> CatalogFilters:
    """Return the catalog's filters for a program. Raises InvalidInput naming each wrong one."""
    try:
        return _filters(_given(CatalogQuery))
    except ValidationError as error:
        raise _refusal(error) from None


def read_filters_leniently() -> CatalogFilters:
    """Return the catalog's filters for a person: unknown values narrow nothing.

    Raises NotFound for a page that cannot exist.
    """
    if not request.query_string:
        return UNFILTERED
    given = _given(CatalogQuery)
    if "q" in given:
        given["q"] = given["q"][:MAX_QUERY_LENGTH]
    try:
        return _filters(given)
    except ValidationError as error:
        wrong = {problem["loc"][0] for problem in error.errors(include_url=False)}
    if "page" in wrong:
        raise NotFound
    return _filters({name: value for name, value in given.items() if name not in wrong})


def _filters(given: dict[str, str]) -> CatalogFilters:
    query = CatalogQuery.model_validate(given)
    return CatalogFilters(
        q=query.q,
        category=query.category,
        level=query.level,
        language=query.language,
        price=query.price,
        sort=query.sort,
        page=query.page,
    )


def _refusal(error: ValidationError) -> InvalidInput:
    problems = error.errors(include_input=False, include_url=False, include_context=False)
    return InvalidInput({str(problem["loc"][0]): problem["msg"] for problem in problems})
