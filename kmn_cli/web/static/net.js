// Talking to the program.
const base = location.pathname.replace(/\/*$/, "/");

export async function ask(path, body, signal) {
  const options = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
  let answer;
  try {
    answer = await fetch(base + path, { ...options, signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The program has ended: start it again, nothing is lost.");
  }
  if (!answer.ok) {
    const said = await answer.json();
    throw new Error([said.error, said.hint].filter(Boolean).join(" "));
  }
  return answer;
}
export const askJson = async (path, body, signal) => (await ask(path, body, signal)).json();
export const askImage = async (path, body, signal) =>
  createImageBitmap(await (await ask(path, body, signal)).blob());
