file(GLOB _wire CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/firmware/wire/*.c)
file(GLOB _spool CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/host-agent/courier/spool*.c)
tocsin_fuzzer(spool SOURCES fuzz_spool.c ${_spool} ${_wire} SEEDS ${CMAKE_CURRENT_LIST_DIR}/seeds/spool)
