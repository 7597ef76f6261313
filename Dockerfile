# syntax=docker/dockerfile:1
# One static binary, run as an unprivileged user. The same image runs every process of compose.yaml.

FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=docker
RUN CGO_ENABLED=0 go build -trimpath -buildvcs=false -tags timetzdata -ldflags "-X main.version=${VERSION}" -o /koodesk ./app

FROM debian:bookworm-slim
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin koodesk
COPY --from=build /koodesk /usr/local/bin/koodesk
USER 10001
WORKDIR /
# Inside a container the loopback interface reaches nobody; what is published is decided outside.
ENV ADDR=0.0.0.0:8080 METRICS_ADDR=0.0.0.0:9464 LOG_FORMAT=json
EXPOSE 8080 9464
ENTRYPOINT ["/usr/local/bin/koodesk"]
CMD ["serve"]
