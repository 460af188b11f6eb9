"""The endpoints that answer questions: queries, labels, series, tail.

With the limits off a question without a start looks at everything there is: logs put in for a look are often months
old. With them on the defaults are Loki's.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import orjson
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from shipper.devloki import query_params, results
from shipper.devloki.exchange import instance_of, json_reply, parameters, refusal, tenant_name, under_faults
from shipper.devloki.instance import Instance, TenantView
from shipper.devloki.limits import HOUR
from shipper.devloki.logql.logs import run_log_query
from shipper.devloki.logql.metrics import Evaluation
from shipper.devloki.logql.parser import parse_query, parse_selector
from shipper.devloki.logql.syntax import LogQuery, Matcher, QueryError
from shipper.devloki.replies import PushRefused
from shipper.devloki.tail import Follower


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question of a tenant."""

    instance: Instance
    tenant: str
    pairs: list[tuple[str, str]]

    @property
    def parameters(self) -> dict[str, str]:
        return dict(self.pairs)

    @property
    def query(self) -> str:
        return self.parameters.get("query", "")

    @property
    def view(self) -> TenantView:
        return self.instance.view(self.tenant)

    def time_range(self, default: int, *, metric: bool = False) -> tuple[int, int]:
        bounded = metric or self.instance.settings.limits
        return query_params.time_range(self.parameters, self.instance.clock(), default=default if bounded else None)


Answer = Callable[[Question], Response]


def endpoint(answer: Answer) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint that reads the question, answers it, and turns what is wrong with it into 400."""

    async def handle(request: Request) -> Response:
        try:
            tenant = tenant_name(request)
        except PushRefused as refused:
            return refusal(refused)
        question = Question(instance=instance_of(request), tenant=tenant, pairs=await parameters(request))

        async def reply() -> Response:
            try:
                return answer(question)
            except QueryError as error:
                return PlainTextResponse(str(error), 400)

        return await under_faults(request, "query", tenant, (), reply)

    return handle


def query(question: Question) -> Response:
    """A metric query at one time."""
    parsed = parse_query(question.query)
    if isinstance(parsed, LogQuery):
        raise QueryError(
            "log queries are not supported as an instant query type, please change your query to a range query type"
        )
    given = question.parameters.get("time")
    time = query_params.timestamp(given, "time") if given else question.instance.clock()
    value = Evaluation(question.view, [time]).at(parsed, time)
    if isinstance(value, dict):
        return json_reply(results.result("vector", results.vector_json(value, time)))
    return json_reply(results.result("scalar", results.scalar_json(value, time)))


def query_range(question: Question) -> Response:
    """A log query over a time range, or a metric query in steps."""
    parsed = parse_query(question.query)
    start, end = question.time_range(HOUR, metric=not isinstance(parsed, LogQuery))
    if isinstance(parsed, LogQuery):
        streams = run_log_query(
            parsed,
            question.view,
            start=start,
            end=end,
            limit=query_params.limit(
                question.parameters, question.instance.limits_of(question.tenant).max_entries_per_query
            ),
            direction=query_params.direction(question.parameters),
        )
        return json_reply(results.result("streams", results.streams_json(streams)))
    times = query_params.steps(question.parameters, start, end)
    evaluation = Evaluation(question.view, times)
    points = [(time, evaluation.at(parsed, time)) for time in times]
    return json_reply(results.result("matrix", results.matrix_json(points)))


def labels(question: Question) -> Response:
    """The label names of the streams in the time range."""
    return json_reply(results.success(sorted({name for stream in _alive(question) for name in stream})))


def label_values(name: str) -> Answer:
    """The values of one label."""

    def answer(question: Question) -> Response:
        return json_reply(results.success(sorted({stream[name] for stream in _alive(question) if name in stream})))

    return answer


def series(question: Question) -> Response:
    """The label sets of the streams that match."""
    return json_reply(results.success(_alive(question)))


def _alive(question: Question) -> list[dict[str, str]]:
    start, end = question.time_range(6 * HOUR)
    names = ("match[]", "match", "query")
    selectors = [parse_selector(value) for name, value in question.pairs if name in names and value]
    wanted: list[tuple[Matcher, ...]] = selectors or [()]
    view = question.view
    found = {labels for matchers in wanted for labels in view.alive(matchers, start, end)}
    return [dict(labels) for labels in sorted(found)]


async def values_endpoint(request: Request) -> Response:
    """`/loki/api/v1/label/{name}/values`."""
    return await endpoint(label_values(request.path_params["name"]))(request)


def tail(question: Question) -> Response:
    """Follow a log query: what is there, then what comes, one JSON message of Loki's tail a line."""
    parsed = parse_query(question.query)
    if not isinstance(parsed, LogQuery):
        raise QueryError("only log queries can be followed")
    past = run_log_query(
        parsed,
        question.view,
        start=question.time_range(HOUR)[0],
        end=query_params.END_OF_TIME,
        limit=query_params.limit(question.parameters, 0),
        direction="backward",
    )
    for stream in past:
        stream.values.reverse()
    follower = Follower(parsed, detects_levels=question.instance.release.adds_service_name)
    question.instance.followers.join(question.tenant, follower)

    async def messages() -> AsyncIterator[bytes]:
        try:
            if past:
                yield orjson.dumps(results.tail_json(past, 0)) + b"\n"
            async for streams, dropped in follower.messages():
                yield orjson.dumps(results.tail_json(streams, dropped)) + b"\n"
        finally:
            question.instance.followers.leave(question.tenant, follower)

    return StreamingResponse(messages(), media_type="application/x-ndjson")
