tocsin_fuzzer(belfry_hub SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_belfry_hub.c
  ${CMAKE_SOURCE_DIR}/firmware/belfry/nats/message.c ${CMAKE_SOURCE_DIR}/firmware/belfry/nats/fields.c
  ${CMAKE_SOURCE_DIR}/firmware/belfry/nats/hub.c ${CMAKE_SOURCE_DIR}/firmware/belfry/nats/hub_file.c
  ${CMAKE_SOURCE_DIR}/firmware/belfry/record.c
  LIBS wire SEEDS ${CMAKE_CURRENT_LIST_DIR}/seeds/belfry_hub)
