// The page's line to WhatsApp. If it dies, the mode stays MAIN and the page stays online.
const line = (() => {
  const LOOK_EVERY_MS = 250;

  // Whether a message that is sent now reaches WhatsApp.
  const isAlive = () =>
    Boolean(whatsApp.isOnline()) &&
    whatsApp.streamData().info === 'NORMAL' &&
    whatsApp.socket('stream') === 'CONNECTED';

  const dead = () => Object.assign(new Error('the line is dead'), {name: 'LineDeadError'});

  function check() {
    if (!isAlive()) throw dead();
  }

  // Returns the result of `work`, or throws as soon as the line is found dead.
  async function orThrow(work, lookEveryMs) {
    let looks;
    const died = new Promise((_, reject) => {
      looks = setInterval(() => isAlive() || reject(dead()), lookEveryMs);
    });
    try {
      return await Promise.race([work(), died]);
    } finally {
      clearInterval(looks);
    }
  }

  // For questions to WhatsApp's server: with a dead line they take forever, or get a wrong answer.
  async function over(work) {
    check();
    return orThrow(work, LOOK_EVERY_MS);
  }

  return {isAlive, check, orThrow, over};
})();
