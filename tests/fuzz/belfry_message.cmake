tocsin_fuzzer(belfry_message SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_belfry_message.c
  ${CMAKE_SOURCE_DIR}/firmware/belfry/nats/message.c ${CMAKE_SOURCE_DIR}/firmware/belfry/nats/fields.c
  ${CMAKE_SOURCE_DIR}/firmware/belfry/record.c
  LIBS wire SEEDS ${CMAKE_CURRENT_LIST_DIR}/seeds/belfry_message)
