# Bare metal, ARM Cortex-M: TOCSIN_CPU says which. No C library: of newlib only the headers are used, and hal has the
# functions that the compiler calls by itself. Each object comes with its call graph and stack use for stack_depth.py;
# compiler caches do not keep those, so the presets use none.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR arm)
set(CMAKE_C_COMPILER arm-none-eabi-gcc)
set(CMAKE_ASM_COMPILER arm-none-eabi-gcc)
set(CMAKE_OBJCOPY arm-none-eabi-objcopy)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES TOCSIN_CPU)

set(_cpu "-mcpu=${TOCSIN_CPU} -mthumb")
set(CMAKE_C_FLAGS_INIT "${_cpu} -Os -g -ffunction-sections -fdata-sections -fno-common -fcallgraph-info=su")
set(CMAKE_ASM_FLAGS_INIT "${_cpu} -g")
set(CMAKE_EXE_LINKER_FLAGS_INIT
  "${_cpu} -nostartfiles -nodefaultlibs -Wl,--gc-sections -Wl,--build-id=none -Wl,--fatal-warnings")
set(CMAKE_C_STANDARD_LIBRARIES_INIT "-lgcc") # division
