-- Who is told of a programme's alerts: a rota as its record in registry.v1 says it.
CREATE TABLE vitalwire.rotas (
    programme text PRIMARY KEY,
    rota      jsonb NOT NULL
);
