"""PostgreSQL with pgvector: a table with a row a passage. The address is what libpq takes; PGPASSWORD works."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from jsarag.exporting.stores.store import DIGEST, Row, Store
from jsarag.types import InputError

MARK = "passages written by jsarag"
"""The comment of a table that jsarag made."""
FIELDS = {"id": "text PRIMARY KEY", "title": "text", "text": "text", "source": "text"}
FIELDS |= {"page": "bigint", "start": "bigint", "end": "bigint"}
LONGEST = 63
"""PostgreSQL cuts longer names."""


class PgvectorStore(Store):
    """A table with the fields of a passage, its vector and its digest; ``<#>`` orders by inner product."""

    name = "pgvector"

    def __init__(self, uri: str, collection: str) -> None:
        """Open the store."""
        super().__init__(uri, collection)
        if not 0 < len(collection.encode()) <= LONGEST:
            raise InputError(f"--collection: expected a table's name of at most {LONGEST} bytes, got {collection!r}")
        try:
            import pgvector.psycopg  # noqa: F401 - said before anything is written
            import psycopg
            from psycopg import sql
        except ImportError:
            raise InputError('--to: pgvector needs psycopg and pgvector; pip install "jsarag[pgvector]"') from None
        self._sql, self._error = sql, psycopg.Error
        self._table = sql.Identifier(collection)
        with self.told(psycopg.Error, OSError):
            self._connection: Any = psycopg.connect(uri, autocommit=True, connect_timeout=10)

    def begin(self, dimensions: int) -> None:
        """`Store.begin`: a table without our comment is somebody else's."""
        from pgvector.psycopg import register_vector

        with self.told(self._error):
            self._run("CREATE EXTENSION IF NOT EXISTS vector")
            register_vector(self._connection)
            found = self._run(
                "SELECT obj_description(to_regclass({name}), 'pg_class'), to_regclass({name}) IS NOT NULL",
                name=self._sql.Literal(self._table.as_string(self._connection)),
            ).fetchone()
            if not found[1]:
                self._create(dimensions)
            elif found[0] != MARK:
                raise self.foreign()
            size = self._run(
                "SELECT atttypmod FROM pg_attribute WHERE attrelid = to_regclass({name}) AND attname = 'vector'",
                name=self._sql.Literal(self._table.as_string(self._connection)),
            ).fetchone()
        if size[0] != dimensions:
            raise self.other(size[0], dimensions)

    def digests(self) -> dict[str, str]:
        """`Store.digests`."""
        with self.told(self._error):
            return dict(self._run("SELECT id, {digest} FROM {table}").fetchall())

    def put(self, rows: Sequence[Row]) -> None:
        """`Store.put`: all of the rows in one transaction."""
        sql = self._sql
        names = [*FIELDS, "vector", DIGEST]
        columns = sql.SQL(", ").join(map(sql.Identifier, names))
        places = sql.SQL(", ").join(sql.Placeholder() for _ in names)
        changed = sql.SQL(", ").join(
            sql.SQL("{0} = EXCLUDED.{0}").format(sql.Identifier(name)) for name in names if name != "id"
        )
        statement = sql.SQL(
            "INSERT INTO {table} ({columns}) VALUES ({places}) ON CONFLICT (id) DO UPDATE SET {changed}"
        ).format(table=self._table, columns=columns, places=places, changed=changed)
        values = [[*(row.record.get(name) for name in FIELDS), row.vector, row.digest] for row in rows]
        with self.told(self._error), self._connection.transaction(), self._connection.cursor() as cursor:
            cursor.executemany(statement, values)

    def remove(self, ids: Collection[str]) -> None:
        """`Store.remove`."""
        with self.told(self._error):
            self._run("DELETE FROM {table} WHERE id = ANY(%s)", list(ids))

    def close(self) -> None:
        """`Store.close`."""
        self._connection.close()

    def _create(self, dimensions: int) -> None:
        sql = self._sql
        columns = [sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind)) for name, kind in FIELDS.items()]
        columns += [sql.SQL(f"vector vector({int(dimensions)})"), sql.SQL("{} text").format(sql.Identifier(DIGEST))]
        with self._connection.transaction():
            self._run("CREATE TABLE {table} ({columns})", columns=sql.SQL(", ").join(columns))
            self._run("COMMENT ON TABLE {table} IS {mark}", mark=sql.Literal(MARK))

    def _run(self, statement: str, *values: object, **parts: Any) -> Any:
        known = {"table": self._table, "digest": self._sql.Identifier(DIGEST), **parts}
        return self._connection.execute(self._sql.SQL(statement).format(**known), values or None)
