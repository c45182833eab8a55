{
  "target_defaults": {
    "sources": [
      "native/addon.c",
      "native/arena-exports.c",
      "native/arena.c",
      "native/certificates.c",
      "native/children.c",
      "native/doorbell-exports.c",
      "native/doorbell.c",
      "native/env.c",
      "native/fork-client.c",
      "native/fork-order.c",
      "native/fork-platform.c",
      "native/fork-protocol.c",
      "native/fork-readiness.c",
      "native/fork-server.c",
      "native/fork-spare.c",
      "native/futex.c",
      "native/guardian.c",
      "native/heap.c",
      "native/keeper.c",
      "native/launch.c",
      "native/lock-exports.c",
      "native/loop-end.c",
      "native/napi-helpers.c",
      "native/orphan-status.c",
      "native/poller-exports.c",
      "native/poller.c",
      "native/process-stat.c",
      "native/process.c",
      "native/shared-memory.c",
      "native/socket-address.c",
      "native/socket.c",
      "native/supervisor.c"
    ],
    "defines": ["NAPI_VERSION=8", "_GNU_SOURCE"],
    "cflags": ["-std=c17", "-O2", "-Wall", "-Wextra", "-Wno-unused-parameter", "-fvisibility=hidden", "-fno-strict-aliasing"],
    "cflags!": ["-fno-omit-frame-pointer"],
    "ldflags": ["-Wl,-z,relro,-z,now", "-Wl,-z,nodelete"]
  },
  "conditions": [
    ["OS=='linux'", {
      "targets": [
        { "target_name": "multiproc" },
        { "target_name": "multiproc_faults", "defines": ["MULTIPROC_FAULTS=1"], "sources": ["native/fault.c"] }
      ]
    }, {
      "targets": [{ "target_name": "multiproc", "type": "none", "sources": [] }]
    }]
  ]
}
