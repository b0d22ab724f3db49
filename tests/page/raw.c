/* belfry-page with the planted bug that its text is not escaped for HTML. */
#define PLANT_PAGE_RAW
#include "belfry/page/sheet.c"
