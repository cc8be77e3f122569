import{k as a}from"./katex.js";function e(r,t){return a.renderToString(r,{displayMode:t,output:"mathml",throwOnError:!1,trust:!1,maxExpand:200,maxSize:20})}export{e as formula};
