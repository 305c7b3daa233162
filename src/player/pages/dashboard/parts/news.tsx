import type { ComponentChildren } from "preact";
import { useCallback, useEffect, useState } from "preact/hooks";
import { SayContext } from "../say";

const SHOWN_FOR = 4000;

/** Shows short news at the lower edge, and gives all below the means to tell them. */
export function News({ children }: { children: ComponentChildren }) {
  const [news, setNews] = useState({ text: "", number: 0 });
  const say = useCallback((text: string) => setNews(({ number }) => ({ text, number: number + 1 })), []);
  useEffect(() => {
    if (news.text === "") return;
    const timer = setTimeout(() => setNews(({ number }) => ({ text: "", number })), SHOWN_FOR);
    return () => clearTimeout(timer);
  }, [news.text, news.number]);
  return (
    <SayContext.Provider value={say}>
      {children}
      <div class="news" role="status" data-testid="news">
        {news.text && <p key={news.number}>{news.text}</p>}
      </div>
    </SayContext.Provider>
  );
}
