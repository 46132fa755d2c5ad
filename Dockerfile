# SPDX-License-Identifier: Apache-2.0
#
# Everything that Xent's build and tests need, and a build of the command:
#   docker build -t xent . && docker run --rm -it xent
FROM eclipse-temurin:25-jdk-noble
RUN apt-get update \
    && apt-get install -y --no-install-recommends cmake gcc git libc6-dev maven ninja-build python3-numpy \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /xent
COPY . .
RUN ./xent --version
CMD ["./xent", "demo"]
