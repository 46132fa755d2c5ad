// SPDX-License-Identifier: Apache-2.0
/* The order of what a search finds: the page of what is looked for, other pages for users, pages for developers. */
"use strict";
var Scorer = (() => {
  const query = (new URLSearchParams(location.search).get("q") || "").toLowerCase();
  const subjects = [
    [/top[-_ ]?p\b|min[-_ ]?p\b|nucleus|temperature|sampl/, "docs/sampler"],
    [/top[-_ ]?k\b|argmax/, "docs/more-operations"],
    [/-100|ignore|padding|smoothing|class weight/, "docs/cross-entropy"],
    [/float ?\[|bytebuffer|thread|in place/, "docs/tensor"],
    [/shift/, "docs/guide/perplexity"],
    [/gradle|maven|jdk/, "docs/installing"],
    [/spring|quarkus|service/, "docs/guide/service"],
    [/cmake|fetchcontent/, "docs/c"],
  ];
  return {
    score: ([name, , , , score]) => {
      const words = name.split("/").pop().replaceAll("-", " ");
      const named = query.replaceAll("-", " ").startsWith(words) ? 60 : 0;
      const subject = subjects.some(([pattern, page]) => page === name && pattern.test(query)) ? 50 : 0;
      const forDevelopers = /^(conformance|examples|python|docs\/(developing|spec))\//.test(name) ? 30 : 0;
      return score + named + subject - forDevelopers;
    },
    objNameMatch: 11,
    objPartialMatch: 6,
    objPrio: { 0: 15, 1: 5, 2: -5 },
    objPrioDefault: 0,
    title: 15,
    partialTitle: 7,
    term: 5,
    partialTerm: 2,
  };
})();
