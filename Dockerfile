# The production binary, without the embedded stack of throughline-dev. Nothing is compiled that it does not link: no
# Temporal server, no PostgreSQL.
FROM golang:1.26.8-trixie AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o /throughline ./cmd/throughline

# Slim rather than distroless: the health check of `serve` needs a shell.
FROM debian:trixie-slim
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /throughline /usr/local/bin/throughline
USER 65532:65532
EXPOSE 8080 9464
ENTRYPOINT ["throughline"]
CMD ["help"]
