set(_gate ${CMAKE_SOURCE_DIR}/firmware/belfry/gate)
file(GLOB _wire CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/firmware/wire/*.c)
tocsin_fuzzer(gatelink SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_gatelink.c ${_gate}/link.c ${_gate}/split.c ${_wire}
  SEEDS ${CMAKE_CURRENT_LIST_DIR}/seeds/gatelink)
tocsin_fuzzer(gatesplit SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_gatesplit.c ${_gate}/split.c)
tocsin_fuzzer(gatehello SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_gatehello.c ${_gate}/hello.c ${_wire}
  SEEDS ${CMAKE_CURRENT_LIST_DIR}/seeds/gatehello)
