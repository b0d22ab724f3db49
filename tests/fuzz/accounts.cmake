tocsin_fuzzer(accounts SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_accounts.c
  ${CMAKE_SOURCE_DIR}/host-agent/watch/views_accounts.c ${CMAKE_SOURCE_DIR}/host-agent/watch/views_preload.c
  LIBS agent SEEDS ${CMAKE_CURRENT_LIST_DIR}/seeds/accounts)
