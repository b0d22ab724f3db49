# Flags for the project's own code. Link a target to `tocsin_flags` to get them.
add_library(tocsin_flags INTERFACE)
target_compile_definitions(tocsin_flags INTERFACE _GNU_SOURCE TOCSIN_VERSION="${PROJECT_VERSION}")
target_compile_options(tocsin_flags INTERFACE
  $<$<COMPILE_LANGUAGE:C>:-Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition
  -Wpointer-arith -Wcast-qual -Wwrite-strings -Wundef -Wvla -Wformat=2 -Wno-format-nonliteral
  -fno-strict-aliasing>)
target_compile_options(tocsin_flags INTERFACE $<$<COMPILE_LANGUAGE:C>:${TOCSIN_HARDENING}>)
# snprintf() cuts where it must; callers that mind look at its result.
target_compile_options(tocsin_flags INTERFACE $<$<COMPILE_LANG_AND_ID:C,GNU>:-Wno-format-truncation>)
if(TOCSIN_CAMOUFLAGE) # else short constants stand in the code itself
  target_compile_options(tocsin_flags INTERFACE $<$<COMPILE_LANGUAGE:C>:-fno-builtin-memcpy -fno-builtin-memcmp>)
endif()
if(TOCSIN_WERROR)
  target_compile_options(tocsin_flags INTERFACE $<$<COMPILE_LANGUAGE:C>:-Werror>)
endif()
if(NOT TOCSIN_BOARD)
  target_link_options(tocsin_flags INTERFACE -Wl,-z,relro,-z,now,-z,noexecstack,-z,separate-code)
endif()
