// First digits to time zones, from the national numbering plans as of 2026. Where a code spans two
// zones both stand here (the caller intersects them); a code that is missing means "all zones of
// the country": never a guess, only fewer hours.
#include "model/zone_table.h"

#include "base/alloc.h"
#include "base/str.h"

#include <string.h>

#define EASTERN "America/New_York"
#define CENTRAL "America/Chicago"
#define MOUNTAIN "America/Denver"
#define PACIFIC "America/Los_Angeles"

// clang-format off
const struct kj_zone_row kj_zone_table[] = {
    // --- United States, by state ---
    {"1", "US", "203 475 860 959" /* CT */ " 302" /* DE */ " 202 771" /* DC */
        " 239 305 321 324 352 386 407 561 645 656 689 727 728 754 772 786 813 863 904 941 954" /* FL */
        " 229 404 470 478 678 706 762 770 912 943" /* GA */
        " 260 317 463 765" /* IN */ " 502 859" /* KY */ " 207" /* ME */
        " 227 240 301 410 443 667" /* MD */ " 339 351 413 508 617 774 781 857 978" /* MA */
        " 231 248 269 313 517 586 616 679 734 810 947 989" /* MI */ " 603" /* NH */
        " 201 551 609 640 732 848 856 862 908 973" /* NJ */
        " 212 315 329 332 347 363 516 518 585 607 624 631 646 680 716 718 838 845 914 917 929 934"
        " 252 336 472 704 743 828 910 919 980 984" /* NC */
        " 216 220 234 283 326 330 380 419 436 440 513 567 614 740 937" /* OH */
        " 215 223 267 272 412 445 484 570 582 610 717 724 814 835 878" /* PA */ " 401" /* RI */
        " 803 821 839 843 854 864" /* SC */ " 865" /* TN, Knoxville */ " 802" /* VT */
        " 276 434 540 571 686 703 757 804 826 948" /* VA */ " 304 681" /* WV */, EASTERN},
    {"1", "US", "205 251 256 334 483 659 938" /* AL */ " 327 479 501 870" /* AR */
        " 217 224 309 312 331 447 464 618 630 708 730 773 779 815 847 861 872" /* IL */
        " 219" /* IN, Gary */ " 319 515 563 641 712" /* IA */ " 316 913" /* KS */
        " 225 318 337 457 504 985" /* LA */ " 218 320 507 612 651 763 924 952" /* MN */
        " 228 471 601 662 769" /* MS */ " 235 314 417 557 573 636 660 816 975" /* MO */
        " 402 531" /* NE */ " 405 539 572 580 918" /* OK */ " 615 629 731 901 931" /* TN */
        " 210 214 254 281 325 346 361 409 430 469 512 621 682 713 726 737 806 817 830 832 903 936"
        " 940 945 956 972 979" /* TX */ " 262 274 353 414 534 608 715 920" /* WI */, CENTRAL},
    {"1", "US", "303 719 720 748 970 983" /* CO */ " 406" /* MT */ " 505 575" /* NM */
        " 385 435 801" /* UT */ " 307" /* WY */ " 915" /* TX, El Paso */, MOUNTAIN},
    {"1", "US",
        "209 213 279 310 323 341 350 357 369 408 415 424 442 510 530 559 562 619 626 628 650 657"
        " 661 669 707 714 738 747 760 805 818 820 831 837 840 858 909 916 925 949 951" /* CA */
        " 702 725" /* NV */ " 503 971" /* OR */ " 206 253 360 425 509 564" /* WA */, PACIFIC},
    {"1", "US", "480 520 602 623" /* AZ */, "America/Phoenix"},
    {"1", "US", "928" /* AZ with the Navajo Nation */, "America/Phoenix " MOUNTAIN},
    {"1", "US", "448 850" /* FL */ " 270 364 606" /* KY */ " 423 729" /* TN */ " 906" /* MI */
        " 574 812 930" /* IN */, EASTERN " " CENTRAL},
    {"1", "US", "701" /* ND */ " 605" /* SD */ " 308" /* NE */ " 620 785" /* KS */ " 432" /* TX */,
        CENTRAL " " MOUNTAIN},
    {"1", "US", "208 986" /* ID */ " 458 541" /* OR */ " 775" /* NV */, MOUNTAIN " " PACIFIC},
    {"1", "US", "907", "America/Anchorage America/Adak"},
    {"1", "US", "808", "Pacific/Honolulu"},
    // --- Canada, by province ---
    {"1", "CA", "204 431 584" /* MB */, "America/Winnipeg"},
    {"1", "CA", "604", "America/Vancouver"},
    {"1", "CA", "236 250 257 672 778" /* BC with the Rockies */,
        "America/Vancouver America/Edmonton America/Dawson_Creek"},
    {"1", "CA", "368 403 587 780 825" /* AB */, "America/Edmonton"},
    {"1", "CA", "306 474 639" /* SK with Lloydminster */, "America/Regina America/Edmonton"},
    {"1", "CA", "226 249 289 343 365 382 387 416 437 460 519 548 613 647 683 705 742 753 905 942"
        /* ON */ " 263 354 367 418 438 450 468 514 579 581 819 873" /* QC */, "America/Toronto"},
    {"1", "CA", "418937 418969 418985 418986" /* QC, Magdalen Islands */,
        "America/Toronto America/Halifax"},
    {"1", "CA", "807" /* ON, north-west */, "America/Toronto America/Winnipeg"},
    {"1", "CA", "428 506" /* NB */ " 782 902" /* NS, PE */, "America/Halifax"},
    {"1", "CA", "709 879" /* NL with Labrador */, "America/St_Johns America/Goose_Bay"},
    {"1", "CA", "867" /* the territories */,
        "America/Whitehorse America/Edmonton America/Rankin_Inlet America/Iqaluit"},
    // Numbers without a place.
    {"1", "", "500 521 522 533 544 566 577 588 600 622 700 710 800 833 844 855 866 877 888 900",
        "@US @CA"},
    // --- Russia: +7 6 and +7 7 are Kazakhstan; 9 is mobile and says nothing ---
    {"7", "RU", "401", "Europe/Kaliningrad"},
    {"7", "RU", "47 48 49 81 820 821 831 833 834 835 836 843 855 861 862 863 865 866 867 871 872 873"
        " 877 878 879", "Europe/Moscow"},
    {"7", "RU", "365 869" /* Crimea */, "Europe/Simferopol"},
    {"7", "RU", "844", "Europe/Volgograd"},
    {"7", "RU", "841 847", "Europe/Moscow"},
    {"7", "RU", "845", "Europe/Saratov"},
    {"7", "RU", "842", "Europe/Ulyanovsk"},
    {"7", "RU", "851", "Europe/Astrakhan"},
    {"7", "RU", "341 846 848", "Europe/Samara"},
    {"7", "RU", "342 343 345 346 347 349 351 352 353", "Asia/Yekaterinburg"},
    {"7", "RU", "381", "Asia/Omsk"},
    {"7", "RU", "382", "Asia/Tomsk"},
    {"7", "RU", "383", "Asia/Novosibirsk"},
    {"7", "RU", "384", "Asia/Novokuznetsk"},
    {"7", "RU", "385 388", "Asia/Barnaul"},
    {"7", "RU", "390 391 394", "Asia/Krasnoyarsk"},
    {"7", "RU", "301 395", "Asia/Irkutsk"},
    {"7", "RU", "302", "Asia/Chita"},
    {"7", "RU", "416", "Asia/Yakutsk"},
    {"7", "RU", "411", "Asia/Yakutsk Asia/Khandyga Asia/Ust-Nera Asia/Srednekolymsk"},
    {"7", "RU", "421 423 426", "Asia/Vladivostok"},
    {"7", "RU", "424", "Asia/Sakhalin Asia/Srednekolymsk"},
    {"7", "RU", "413", "Asia/Magadan"},
    {"7", "RU", "415", "Asia/Kamchatka"},
    {"7", "RU", "427", "Asia/Anadyr"},
    // --- Brazil: the area code stands before mobile numbers too ---
    {"55", "BR", "11 12 13 14 15 16 17 18 19 21 22 24 27 28 31 32 33 34 35 37 38 41 42 43 44 45 46 47"
        " 48 49 51 53 54 55 61 62 64", "America/Sao_Paulo"},
    {"55", "BR", "63", "America/Araguaina"},
    {"55", "BR", "65 66", "America/Cuiaba"},
    {"55", "BR", "67", "America/Campo_Grande"},
    {"55", "BR", "68", "America/Rio_Branco"},
    {"55", "BR", "69", "America/Porto_Velho"},
    {"55", "BR", "71 73 74 75 77", "America/Bahia"},
    {"55", "BR", "79 82", "America/Maceio"},
    {"55", "BR", "81 87", "America/Recife"},
    {"55", "BR", "813619", "America/Noronha"},
    {"55", "BR", "83 84 85 86 88 89 98 99", "America/Fortaleza"},
    {"55", "BR", "91 94 96", "America/Belem"},
    {"55", "BR", "93", "America/Santarem"},
    {"55", "BR", "92", "America/Manaus"},
    {"55", "BR", "97", "America/Manaus America/Eirunepe"},
    {"55", "BR", "95", "America/Boa_Vista"},
    // --- Australia: 4 is mobile ---
    {"61", "AU", "2", "Australia/Sydney"},
    {"61", "AU", "265632 265637", "Australia/Sydney Australia/Lord_Howe"},
    {"61", "AU", "3", "Australia/Melbourne"},
    {"61", "AU", "7", "Australia/Brisbane"},
    {"61", "AU", "880 88080 88088" /* Broken Hill */ " 881 882 883 884 885 886 887 87",
        "Australia/Adelaide"},
    {"61", "AU", "889", "Australia/Darwin"},
    {"61", "AU", "86 89", "Australia/Perth"},
    {"61", "AU", "89039", "Australia/Perth Australia/Eucla"},
    // --- Mexico: central time but for the north, the west and Quintana Roo ---
    {"52", "MX", "2 4 5 7 33 37 38 341 342 343 344 345 346 347 348 349 351 352 353 354 355 356 357"
        " 358 359 312 313 314 315 316 317 318 321 322 326 328 392 393 394 395 335",
        "America/Mexico_City"},
    {"52", "MX", "311 319 323 324 325 327 329 389 391", "America/Mazatlan America/Bahia_Banderas"},
    {"52", "MX", "612 613 615 624 667 668 669 672 673 687 694 695 696 697 698", "America/Mazatlan"},
    {"52", "MX", "622 623 631 632 633 634 637 638 641 642 643 644 645 647 651 653 662",
        "America/Hermosillo"},
    {"52", "MX", "614 621 625 627 628 629 635 639 648 649 652 659", "America/Chihuahua"},
    {"52", "MX", "636", "America/Chihuahua America/Ciudad_Juarez"},
    {"52", "MX", "626", "America/Chihuahua America/Ojinaga"},
    {"52", "MX", "656 657", "America/Ciudad_Juarez"},
    {"52", "MX", "616 646 658 661 663 664 665 686", "America/Tijuana"},
    {"52", "MX", "82 83 84 85 86 87 88 89", "America/Monterrey America/Matamoros"},
    {"52", "MX", "81 833 834 844 866 871", "America/Monterrey"},
    {"52", "MX", "867 868 877 878 899", "America/Matamoros"},
    {"52", "MX", "9", "America/Merida"},
    {"52", "MX", "983 984 987 998", "America/Cancun"},
    {"52", "MX", "997", "America/Merida America/Cancun"},
    // --- Spain and Portugal: the islands; 6 and 7 (9) are mobile ---
    {"34", "ES", "822 828 922 928", "Atlantic/Canary"},
    {"34", "ES", "81 82 83 84 85 86 87 88 91 92 93 94 95 96 97 98", "Europe/Madrid"},
    {"351", "PT", "2", "Europe/Lisbon"},
    {"351", "PT", "291", "Atlantic/Madeira"},
    {"351", "PT", "292 295 296", "Atlantic/Azores"},
    // --- Indonesia: 8 is mobile ---
    {"62", "ID", "2 31 32 33 34 351 352 353 354 355 356 357 358 6 7", "Asia/Jakarta"},
    {"62", "ID", "513 514 519 522 525 528 531 532 534 535 536 537 538 539 56", "Asia/Pontianak"},
    {"62", "ID", "361 362 363 365 366 368 37 38 4 511 512 517 518 526 527 54 55", "Asia/Makassar"},
    {"62", "ID", "9", "Asia/Jayapura"},
    // --- One part of the country lives by another clock ---
    {"56", "CL", "2 3 4 5 71 72 73 75 63 64 65", "America/Santiago"},
    {"56", "CL", "322" /* with Easter Island */, "America/Santiago Pacific/Easter"},
    {"56", "CL", "67", "America/Coyhaique America/Santiago"},
    {"56", "CL", "61", "America/Punta_Arenas"},
    {"593", "EC", "2 3 4 6 7", "America/Guayaquil"},
    {"64", "NZ", "3 4 6 7 9", "Pacific/Auckland"},
    {"64", "NZ", "3305", "Pacific/Chatham"},
    {"380", "UA", "", "Europe/Kyiv"},
    {"380", "UA", "65 692", "Europe/Simferopol Europe/Kyiv"},
    // All of China keeps Beijing time by law; Xinjiang also lives two hours later.
    {"86", "CN", "", "Asia/Shanghai"},
    {"86", "CN", "90 99", "Asia/Shanghai Asia/Urumqi"},
};
// clang-format on
const size_t kj_zone_table_count = KJ_COUNT(kj_zone_table);

// The length of the longest of `prefixes` that begins `national`, or -1.
static int longest(const char *prefixes, const char *national)
{
    int best = prefixes[0] ? -1 : 0;
    while (*prefixes) {
        size_t length = strcspn(prefixes, " ");
        if ((int)length > best && strncmp(prefixes, national, length) == 0)
            best = (int)length;
        prefixes += length + (prefixes[length] == ' ');
    }
    return best;
}

const struct kj_zone_row *kj_zone_row_find(const char *calling_code, const char *national)
{
    const struct kj_zone_row *found = NULL;
    int best = -1;
    for (size_t i = 0; i < kj_zone_table_count; i++) {
        if (strcmp(kj_zone_table[i].calling_code, calling_code) != 0)
            continue;
        int length = longest(kj_zone_table[i].prefixes, national);
        if (length > best) {
            best = length;
            found = &kj_zone_table[i];
        }
    }
    return found;
}

const char *kj_area_country(const char *national)
{
    const struct kj_zone_row *row = kj_zone_row_find("1", national);
    return row && row->country[0] ? row->country : NULL;
}
