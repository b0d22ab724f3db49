tocsin_fuzzer(packages SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_packages.c
  ${CMAKE_SOURCE_DIR}/host-agent/watch/packages_line.c
  SEEDS ${CMAKE_CURRENT_LIST_DIR}/seeds/packages)
