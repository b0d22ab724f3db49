tocsin_fuzzer(belfry_rules SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_belfry_rules.c
  ${CMAKE_SOURCE_DIR}/firmware/belfry/ledger/rules.c ${CMAKE_SOURCE_DIR}/firmware/belfry/events.c
  ${CMAKE_SOURCE_DIR}/firmware/belfry/text.c ${CMAKE_SOURCE_DIR}/firmware/belfry/record.c ${CMAKE_SOURCE_DIR}/firmware/wire/base32.c
  ${CMAKE_SOURCE_DIR}/firmware/wire/crc32.c ${CMAKE_SOURCE_DIR}/firmware/wire/escape.c
  ${CMAKE_SOURCE_DIR}/firmware/wire/hash.c ${CMAKE_SOURCE_DIR}/firmware/wire/judge.c
  ${CMAKE_SOURCE_DIR}/firmware/wire/keys.c ${CMAKE_SOURCE_DIR}/firmware/wire/line.c
  ${CMAKE_SOURCE_DIR}/firmware/wire/seal.c ${CMAKE_SOURCE_DIR}/firmware/wire/subject.c
  ${CMAKE_SOURCE_DIR}/firmware/wire/tree.c)
